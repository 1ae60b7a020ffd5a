/** Stands for packages of data that pages read as files instead. */
export default null;
